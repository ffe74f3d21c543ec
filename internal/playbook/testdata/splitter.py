"""What the real Ansible splits argument strings into: reads a JSON list of
texts, prints for each [words, pairs, pairs of a command], null for an error."""
import json, sys
from ansible.parsing.splitter import parse_kv, split_args


def attempt(f, *args):
    try:
        return f(*args)
    except Exception:
        return None


json.dump([[attempt(split_args, t), attempt(parse_kv, t), attempt(parse_kv, t, True)] for t in json.load(sys.stdin)], sys.stdout)
