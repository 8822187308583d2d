"""Draw pictures of experiments side by side: ``sheet.py RESULTS OUT.jpg ROWS NAME…``.

One row an image, one column an experiment; input first, real image last.
"""

import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIDE, CAPTION = 176, 18


def main() -> None:
    """Draw what the command line names."""
    results, out, rows, *names = sys.argv[1:]
    first = Path(results) / names[0]
    files = sorted(path.name for path in (first / "output").iterdir())[: int(rows)]
    columns = [("input", first / "input"), *((n, Path(results) / n / "output") for n in names)]
    columns.append(("real", first / "target"))
    sheet = Image.new("RGB", (SIDE * len(columns), CAPTION + SIDE * len(files)), "white")
    draw = ImageDraw.Draw(sheet)
    for column, (caption, folder) in enumerate(columns):
        draw.text((SIDE * column + 3, 3), caption.replace("-seed0", ""), fill="black")
        for row, name in enumerate(files):
            with Image.open(folder / name) as image:
                small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
            sheet.paste(small, (SIDE * column, CAPTION + SIDE * row))
    sheet.save(out, quality=85)


if __name__ == "__main__":
    main()
