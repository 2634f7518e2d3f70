"""Dials services and lets go at once. argv: first octet, how many services, how many dials. Addresses and ports are those of scripts/generate.ts; nothing answers in a closed namespace."""
import random
import socket
import sys

network, services, dials = (int(argument) for argument in sys.argv[1:4])
PORTS = (3306, 5432, 6379, 9042, 27017, 9092, 5672, 11211)
draw = random.Random(1)
for _ in range(dials):
    index = draw.randrange(services)
    rest = (96 << 8) + index // 254
    address = f"{network}.{rest >> 8 & 255}.{rest & 255}.{index % 254 + 1}"
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        client.setblocking(False)
        client.connect_ex((address, PORTS[index % len(PORTS)]))
