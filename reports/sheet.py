"""Draw pictures of experiments side by side, rows spread over the images, the input first.

The real images stand last, but where they may not be passed on.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

SIDE, CAPTION = 176, 18


def main() -> None:
    """Draw what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--without-real", action="store_true")
    asked = parser.parse_args()
    first = asked.results / asked.names[0]
    columns = [("input", first / "input")]
    columns += [(name, asked.results / name / "output") for name in asked.names]
    if not asked.without_real:
        columns.append(("real", first / "target"))
    files = sorted(path.name for path in (first / "output").iterdir())
    files = files[:: len(files) // asked.rows][: asked.rows]
    sheet = Image.new("RGB", (SIDE * len(columns), CAPTION + SIDE * len(files)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (caption, folder) in enumerate(columns):
        draw.text((SIDE * column + 3, 3), caption.replace("-seed0", ""), fill="black")
        for row, name in enumerate(files):
            with Image.open(folder / name) as image:
                small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(small, (SIDE * column, CAPTION + SIDE * row))
    sheet.save(asked.out, quality=85)


if __name__ == "__main__":
    main()
