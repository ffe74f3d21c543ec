"""Runs ansible-inventory with each list of arguments of the JSON on its input,
each in a process of its own, and prints what it said and how it ended."""
import json, os, sys, tempfile
import ansible.cli.inventory as cli


def run(args):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            try:
                cli.main(["ansible-inventory"] + args)
                code = 0
            except SystemExit as e:
                code = e.code or 0
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        _, status = os.waitpid(child, 0)
        out.seek(0), err.seek(0)
        return {"out": out.read().decode(), "err": err.read().decode(), "code": os.waitstatus_to_exitcode(status)}


json.dump([run(args) for args in json.load(sys.stdin)], sys.stdout)
