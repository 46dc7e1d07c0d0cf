"""Connects to a Unix socket, reads to the end, and prints how much came and how large the memory is that came along."""

import json
import os
import socket
import sys

with socket.socket(socket.AF_UNIX) as peer:
    peer.connect(sys.argv[1])
    total, descriptors = 0, []
    while True:
        data, received, _, _ = socket.recv_fds(peer, 65536, 4)
        descriptors += received
        total += len(data)
        if not data:
            break
print(json.dumps({"bytes": total, "memory": sum(os.fstat(fd).st_size for fd in descriptors)}))
