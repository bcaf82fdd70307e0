"""For mkdocs: pages of the site lie as in the repository, so that their links hold in both."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PATTERNS = ("*.md", "docs/*.md", "docs/*.png", "bench/last.md", "deploy/**/*", "studies/*")
CARD = "zsad_core/backbones/weights/MODEL_CARD.md"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """The files of the theme, and ours by their paths in the repository."""
    for file in [*files.documentation_pages(), *files.media_files()]:
        if Path(file.abs_src_path or "").is_relative_to(config.docs_dir):
            files.remove(file)
    matches = (path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.is_file())
    for path in [ROOT / CARD, *matches]:
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files
