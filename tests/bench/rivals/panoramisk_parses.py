"""How many AMI messages a second of one core's time panoramisk parses.

Arguments: a captured stream, and how often it is taken; in pieces as they come from a socket.
"""

import sys
import time

from panoramisk.ami_protocol import AMIProtocol

PIECE = 16 * 1024


class Counter:
    count = 0
    found = 0

    def dispatch(self, message):
        self.take(message)

    def take(self, message):
        self.count += 1
        self.found += message.uniqueid is not None and message.uniqueid != ""


def main():
    with open(sys.argv[1], "rb") as file:
        captured = file.read()
    times = int(sys.argv[2])
    protocol, counter = AMIProtocol(), Counter()
    protocol.connection_made(None)
    protocol.factory = counter
    # Answers belong to nobody here: they are counted like events.
    protocol.handle_message = counter.take
    banner, stream = captured.split(b"\r\n", 1)
    protocol.data_received(banner + b"\r\n\r\n")
    began = time.process_time()
    for _ in range(times):
        for at in range(0, len(stream), PIECE):
            protocol.data_received(stream[at : at + PIECE])
    seconds = time.process_time() - began
    print(counter.count, counter.found, counter.count / seconds)


main()
