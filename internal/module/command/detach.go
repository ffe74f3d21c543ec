package command

import (
	"errors"
	"fmt"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// detachProgram runs a guarded command (the first %s, quoted) and prints what
// became of it as JSON. The others are the JSON of cmd, whether ends are
// stripped, the results of guards that hold it back, escapes, and the result of
// a program that is not there.
const detachProgram = `t=$(mktemp -d "${TMPDIR:-/tmp}/rollout-XXXXXX") || exit
trap 'rm -rf "$t"' EXIT
now() {
	set -- $(date '+%%Y-%%m-%%d %%H:%%M:%%S %%s %%N')
	case $4 in '' | *[!0-9]*) set -- "$1" "$2" "$3" 000000000 ;; esac
	echo "$1 $2.${4%%???} $3.${4%%???}"
}
strip() {
	LC_ALL=C awk 'BEGIN { tail = sprintf("%%c", 13) "+$" }
		{ body = $0; rest = ""
		if (match(body, tail)) { rest = substr(body, RSTART); body = substr(body, 1, RSTART - 1) }
		if (NR > 1) held = held "\n"
		if (body == "") { held = held rest; next }
		printf "%%s%%s", held, body; held = rest }'
}
text() {
	tr -d '\000' | if [ "$1" = strip ]; then strip; else cat; fi |
	LC_ALL=C sed %[6]s | LC_ALL=C awk '{ if (NR > 1) printf "%%s", "\\n"; printf "%%s", $0 }'
	if [ "$1" = line ]; then printf '%%s' '\n'; fi
}
ends() {
	if [ %[3]s = strip ]; then echo strip; elif [ -s "$1" ] && [ -z "$(tail -c 1 "$1")" ]; then echo line; fi
}
begun=$(now)
/bin/sh -c %[1]s >"$t/o" 2>"$t/e"
rc=$?
ended=$(now)
IFS= read -r state <"$t/o"
case $state in
ran) ;;
exists) printf '%%s\n' %[4]s; exit ;;
missing) printf '%%s\n' %[5]s; exit ;;
nocommand) printf '%%s\n' %[7]s; exit ;;
*) printf '{"changed": false, "failed": true, "rc": 1, "msg": "Unable to change directory before execution: %%s"}\n' "$(text strip <"$t/e")"; exit ;;
esac
sed 1d "$t/o" >"$t/s"
verdict='"msg": ""'
[ "$rc" = 0 ] || verdict='"failed": true, "msg": "non-zero return code"'
delta=$(awk -v a="${begun##* }" -v b="${ended##* }" 'BEGIN { d = b - a; printf "%%d:%%02d:%%09.6f", d / 3600, d / 60 %% 60, d %% 60 }')
printf '{"changed": true, "rc": %%s, "cmd": %%s, "start": "%%s", "end": "%%s", "delta": "%%s", %%s, ' "$rc" %[2]s "${begun%% *}" "${ended%% *}" "$delta" "$verdict"
printf '"stdout": "%%s", ' "$(text "$(ends "$t/s")" <"$t/s")"
printf '"stderr": "%%s"}\n' "$(text "$(ends "$t/e")" <"$t/e")"
`

func detachCommand(call *module.Call) (module.Program, error) { return detach(call, commandLine) }

func detachShell(call *module.Call) (module.Program, error) { return detach(call, shellLine) }

// detach builds the program of a command that is to run on without us.
func detach(call *module.Call, of func(*module.Call) (line, string)) (module.Program, error) {
	l, wrong := of(call)
	if wrong != "" {
		return module.Program{}, errors.New(wrong)
	}
	cmd, err := value.ToJSON(l.cmd)
	if err != nil {
		return module.Program{}, fmt.Errorf("cannot write the command down: %w", err)
	}
	ends := "keep"
	if call.Args.Bool("strip_empty_ends") {
		ends = "strip"
	}
	exists, err := heldBack(call, l, "creates", "exists")
	if err != nil {
		return module.Program{}, err
	}
	missing, err := heldBack(call, l, "removes", "does not exist")
	if err != nil {
		return module.Program{}, err
	}
	absent, err := value.ToJSON(notThere(l).Data)
	if err != nil {
		return module.Program{}, fmt.Errorf("cannot write the command down: %w", err)
	}
	p := module.Program{Script: fmt.Sprintf(detachProgram, connection.Quote(guarded(call, l.exec, l.present)),
		connection.Quote(string(cmd)), ends, connection.Quote(exists), connection.Quote(missing), connection.Quote(jsonEscapes()), connection.Quote(strings.TrimSpace(string(absent))))}
	if s, given := call.Args.Get("stdin"); given {
		in := fmt.Sprint(s)
		if call.Args.Bool("stdin_add_newline") {
			in += "\n"
		}
		p.Stdin = []byte(in)
	}
	return p, nil
}

// heldBack is the result, as JSON, of a command that a guard holds back.
func heldBack(call *module.Call, l line, guard, is string) (string, error) {
	res := skipped(call, call.Args.String(guard), is)
	out := value.NewMap("changed", false, "msg", res.Msg, "cmd", l.cmd)
	out.Update(res.Data)
	b, err := value.ToJSON(out)
	return strings.TrimSpace(string(b)), err
}

// jsonEscapes is a sed script that makes a line of text part of a JSON string.
func jsonEscapes() string {
	var b strings.Builder
	b.WriteString(`s/\\/\\\\/g;s/"/\\"/g`)
	for c := 1; c < 32; c++ {
		if c != '\n' {
			fmt.Fprintf(&b, `;s/%c/\\u%04x/g`, c, c)
		}
	}
	return b.String()
}
