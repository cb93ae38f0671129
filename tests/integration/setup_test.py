#!/usr/bin/python3
"""scripts/sluice-setup over a made-up host: a tree of files in place of /sys, /proc and /dev, and a
`sluiced plan` that says what the case needs. What the kernel does when told to bind is not here."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
passed = failed = 0


def check(promise, is_kept, detail=""):
    global passed, failed
    passed, failed = passed + bool(is_kept), failed + (not is_kept)
    print(f"{'ok  ' if is_kept else 'FAIL'} {promise}{'' if is_kept else f': {detail}'}")


class Host:
    """A host with one NIC at 0000:01:00.0, whose interface is eth9, and two NUMA nodes."""

    def __init__(self, directory):
        self.root = pathlib.Path(directory)
        self.put("proc/net/route", "Iface\tDestination\tGateway\tFlags\tRef\tUse\tMetric\tMask\n")
        self.put("proc/net/ipv6_route", "")
        for node in (0, 1):
            self.pages(node, total=10, free=4)
        self.put("sys/bus/pci/drivers/ixgbe/bind", "")
        self.put("sys/bus/pci/drivers/vfio-pci/bind", "")
        self.put("sys/kernel/iommu_groups/7/type", "DMA\n")
        self.put("sys/bus/pci/devices/0000:01:00.0/net/eth9/mtu", "1500")
        self.link("sys/bus/pci/devices/0000:01:00.0/driver", "sys/bus/pci/drivers/ixgbe")
        self.link("sys/bus/pci/devices/0000:01:00.0/iommu_group", "sys/kernel/iommu_groups/7")
        self.put("sys/class/net/eth9/flags", "0x1003")

    def put(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def link(self, name, target):
        (self.root / name).unlink(missing_ok=True)
        (self.root / name).symlink_to(self.root / target)

    def pages(self, node, total, free):
        self.hugepages = "sys/devices/system/node/node{}/hugepages/hugepages-2048kB/{}_hugepages"
        self.put(self.hugepages.format(node, "nr"), f"{total}\n")
        self.put(self.hugepages.format(node, "free"), f"{free}\n")

    def route(self, interface):
        with open(self.root / "proc/net/route", "a", encoding="utf-8") as table:
            table.write(f"{interface}\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")

    def setup(self, *words, device="0000:01:00.0", mib=0, nodes=(0,), hugepages="auto"):
        plan = {"ports": [{"device": device}], "workers": [{"numa_node": node} for node in nodes],
                "memory": {"hugepages": hugepages, "total_bytes": mib << 20}}
        program = self.put("sluiced", f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(plan, indent=2)}\nEOF\n")
        program.chmod(0o755)
        environment = {**os.environ, "SLUICED": str(program)}
        for name in ("sys", "proc", "dev"):
            environment[f"SLUICE_SETUP_{name.upper()}"] = str(self.root / name)
        done = subprocess.run([ROOT / "scripts/sluice-setup", *words], env=environment, text=True,
                              capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr


def check_ports(host):
    off = {"hugepages": "off"}
    code, said = host.setup("--check", **off)
    check("a NIC of the kernel is to be bound", code == 0 and "from ixgbe to vfio-pci" in said, said)
    host.link("sys/bus/pci/devices/0000:01:00.0/driver", "sys/bus/pci/drivers/vfio-pci")
    code, said = host.setup(**off)
    check("a NIC that is bound stays", code == 0 and "nothing to change" in said, said)
    host.link("sys/bus/pci/devices/0000:01:00.0/driver", "sys/bus/pci/drivers/ixgbe")
    code, said = host.setup(device="0000:02:00.0", **off)
    check("a NIC that is not there is named", code == 1 and "0000:02:00.0: no such PCI" in said, said)
    (host.root / "sys/bus/pci/devices/0000:01:00.0/iommu_group").unlink()
    code, said = host.setup(**off)
    check("without an IOMMU it says what to set", code == 1 and "intel_iommu=on" in said, said)
    host.link("sys/bus/pci/devices/0000:01:00.0/iommu_group", "sys/kernel/iommu_groups/7")
    code, said = host.setup("--check", device="af_packet:eth9", **off)
    check("an interface that is up stays", code == 0 and "nothing to change" in said, said)
    host.put("sys/class/net/eth9/flags", "0x1002")
    code, said = host.setup("--check", device="af_packet:eth9", **off)
    check("an interface that is down is set up", code == 0 and "eth9: up" in said, said)


def check_route(host):
    host.route("br0")
    host.put("sys/class/net/br0/lower_eth9/mtu", "1500")
    driver = host.root / "sys/bus/pci/devices/0000:01:00.0/driver_override"
    for device in ("0000:01:00.0", "af_packet:eth9", "af_xdp:eth9"):
        code, said = host.setup(device=device, hugepages="off")
        check(f"{device} under the bridge of the default route is refused",
              code == 1 and "default route" in said and not driver.exists(), said)
    host.put("proc/net/route", "Iface\n")
    host.put("proc/net/ipv6_route", f"{'0' * 32} 00 {'0' * 32} 00 fe80{'0' * 28} 400 1 0 3 eth9\n")
    code, said = host.setup(hugepages="off")
    check("so is the port of an IPv6 default route", code == 1 and "default route" in said, said)
    host.put("proc/net/ipv6_route", "")


def check_hugepages(host):
    host.link("sys/bus/pci/devices/0000:01:00.0/driver", "sys/bus/pci/drivers/vfio-pci")
    total = host.root / host.hugepages.format(0, "nr")
    code, said = host.setup("--check", mib=96)
    check("pages that lack are reserved on top of those in use",
          code == 0 and "node 0: 70 hugepages" in said and total.read_text() == "10\n", said)
    code, said = host.setup("--check", mib=96, nodes=(0, 1))
    check("each node gets its share", "node 0: 38" in said and "node 1: 38" in said, said)
    code, said = host.setup(mib=96)
    check("pages that the kernel does not find are told",
          code == 1 and "too fragmented" in said and total.read_text() == "70\n", said)
    host.pages(0, total=70, free=64)
    code, said = host.setup(mib=96)
    check("a second run changes nothing", code == 0 and "nothing to change" in said, said)


def main():
    with tempfile.TemporaryDirectory(prefix="sluice-setup-") as directory:
        host = Host(directory)
        for part in (check_ports, check_route, check_hugepages):
            part(host)
        code, said = host.setup("--nonsense")
        check("a word it does not know is an error of the asker", code == 2 and "usage" in said, said)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
