"""The reader as a web page: `ocr demo`, with the extra `demo`. Needs no network and makes no use of one."""
