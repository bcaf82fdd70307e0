"""AnomalyCLIP on the demo and as its authors published it."""

from zsad_core.methods.setup import Published, official, trained

ORIGIN = "github.com/zqhang/AnomalyCLIP, checkpoints"

PUBLISHED = (
    Published("anomalyclip", "official-mvtec",
              "anomalyclip/9_12_4_multiscale_visa/epoch_15.pth", ORIGIN,
              "MVTec AD's test split", "72adc786e031b49ea288ba5f815f0d38cf158708"),
    Published("anomalyclip", "official-visa", "anomalyclip/9_12_4_multiscale/epoch_15.pth",
              ORIGIN, "VisA's test split", "c90f1d9d92d158b436a8fc193f984d4cec8b1fc8"),
)  # fmt: skip
SETUPS = (*trained("anomalyclip", "prompts"), *map(official, PUBLISHED))
