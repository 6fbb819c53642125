"""Make a web page that finds faces by an exported YuNet, in the browser alone.

python tools/export_browser.py yunet.onnx --out site
python -m http.server --directory site

The model is a file of tools/export_onnx.py (without --with-nms), of fixed or dynamic size. ONNX
Runtime Web comes by npm once, or from --onnxruntime-web; the page loads nothing from elsewhere.
"""

import argparse
from pathlib import Path

from mmeiou.cli import message_of
from mmeiou.deploy.browser.runtime import VERSION, fetch_package, read_folder, read_package
from mmeiou.deploy.browser.site import write_site


def parse_args() -> argparse.Namespace:
    """Arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help=".onnx file")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument(
        "--onnxruntime-web",
        type=Path,
        metavar="DIR",
        help=f"the unpacked npm package, in place of {VERSION} by npm",
    )
    return parser.parse_args()


def main() -> None:
    """Fetch, check, write."""
    args = parse_args()
    try:
        if args.out.is_file():
            raise ValueError(f"--out {args.out} is a file; name a folder")  # noqa: TRY301
        folder = args.onnxruntime_web
        runtime = read_folder(folder) if folder else read_package(fetch_package())
        write_site(args.model, runtime, args.out)
    except (OSError, ImportError, ValueError) as error:
        raise SystemExit(f"export_browser: {message_of(error)}") from error
    size = sum(file.stat().st_size for file in args.out.rglob("*") if file.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB; look at it by")
    print(f"python -m http.server --directory {args.out}")


if __name__ == "__main__":
    main()
