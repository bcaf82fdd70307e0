"""Zero-shot anomaly detection with CLIP on 3D brain MRI: the core, without any user interface."""
