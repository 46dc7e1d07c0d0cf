"""Stands for systemd: prints each message that comes to a notify socket, one line each. usage: notify-socket.py PATH"""
import array, os, socket, sys

server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print("listening", flush=True)
while True:
    data, ancillary, _, _ = server.recvmsg(4096, socket.CMSG_SPACE(4 * 4))
    # A barrier carries a descriptor; closing it says that everything before it has been read.
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors = array.array("i")
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
            for descriptor in descriptors:
                os.close(descriptor)
    print(data.decode().replace("\n", " "), flush=True)
