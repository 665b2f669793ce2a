"""Cuts the uncompressed ELF kernel out of a Debian vmlinuz: booting that skips firmware and decompression, which is most
of the boot under emulation.

Usage: unpack-kernel.py VMLINUZ VMLINUX
"""
import lzma
import subprocess
import sys
import zlib


def unzstd(data):
    return subprocess.run(["zstd", "-dc"], input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


FORMS = {
    b"\x28\xb5\x2f\xfd": unzstd,
    b"\xfd7zXZ\0": lambda data: lzma.LZMADecompressor().decompress(data),
    b"\x1f\x8b\x08": lambda data: zlib.decompressobj(31).decompress(data),
}

image = open(sys.argv[1], "rb").read()
for magic, unpack in FORMS.items():
    at = image.find(magic)
    while at >= 0:
        try:
            kernel = unpack(image[at:])
        except (lzma.LZMAError, zlib.error):
            kernel = b""
        if kernel[:4] == b"\x7fELF":
            open(sys.argv[2], "wb").write(kernel)
            sys.exit(0)
        at = image.find(magic, at + 1)
sys.exit("no kernel was found in " + sys.argv[1])
