class Demo:
    def __init__(self, spec, spacing_mm): raise NotImplementedError
