"""`python -m EvanySegSlicerLib.web`: see `options.py` for what it takes."""

from __future__ import annotations

import sys

from evanyseg.errors import EvanySegError

from ..scene.headless.offscreen import require_opengl
from .options import parsed, require_packages, require_port


def main() -> int:
    try:
        options = parsed()
        require_packages()
        require_port(options)
        require_opengl()
    except EvanySegError as error:
        print(f"dev.py web: {error}", file=sys.stderr)
        return 1
    from .server import serve

    serve(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
