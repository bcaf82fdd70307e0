"""AA-CLIP on the demo, where lesions are small: it smooths less than by default."""

from zsad_core.methods.setup import FINER, trained

SETUPS = trained("aaclip", "adapters in both towers", (*FINER, ("domain", "none")))
