"""Answers of the real Ansible: reads {"inventories": [paths], "patterns": [...],
"literals": [...], "words": [...]} and prints what it makes of them."""
import ast, json, shlex, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.inventory.ini import InventoryModule


def literal(text):
    v = InventoryModule._parse_value(text)
    try:
        json.dumps(v, allow_nan=False)
        return v
    except (TypeError, ValueError):
        return {"__other__": repr(v)}


def words(text):
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return None


def inventory(sources, patterns):
    m = InventoryManager(DataLoader(), sources=sources)
    out = {"groups": {n: [h.name for h in g.get_hosts()] for n, g in m.groups.items()}, "patterns": {},
           "vars": {n: {k: v for k, v in h.vars.items() if k not in ("inventory_file", "inventory_dir")} for n, h in m.hosts.items()},
           "names": {n: sorted(g.name for g in h.get_groups() if g.name != "all") for n, h in m.hosts.items()}}
    for p in patterns:
        try:
            out["patterns"][p] = [h.name for h in m.get_hosts(p)]
        except Exception:
            out["patterns"][p] = None
    return out


q = json.load(sys.stdin)
json.dump({"inventories": [inventory(s, q["patterns"]) for s in q["inventories"]],
           "literals": [literal(t) for t in q["literals"]], "words": [words(t) for t in q["words"]]}, sys.stdout)
