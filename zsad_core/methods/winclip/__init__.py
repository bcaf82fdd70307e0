"""WinCLIP: the method, its prompts."""
