"""The reader as a web page: `python -m ocr.demo`, with the extra `demo`. Needs no network and makes no use of one."""
