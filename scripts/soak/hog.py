"""Takes one CPU from everything that is not real-time, again and again: what waits for a worker of the kernel on that CPU waits as long. In: CPU, milliseconds of each turn, milliseconds between
two, seconds in all. Softirqs of the CPU go on, as in a busy machine."""
import os
import sys
import time

cpu, turn, pause, seconds = int(sys.argv[1]), float(sys.argv[2]) / 1000, float(sys.argv[3]) / 1000, float(sys.argv[4])
os.sched_setaffinity(0, {cpu})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
end = time.monotonic() + seconds
print("hogging", flush=True)
while time.monotonic() < end:
    until = time.monotonic() + turn
    while time.monotonic() < until:
        pass
    time.sleep(pause)
