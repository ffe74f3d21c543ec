package files

import (
	"fmt"
	"strconv"

	"rollout/internal/module"
	"rollout/internal/value"
)

// attributeDiff puts into both sides what a program's attrs changed: owner and
// group by their numbers, the mode in octal. It tells whether there was any.
func attributeDiff(a *answers, before, after *value.Map) bool {
	any := false
	for _, k := range []string{"group", "mode", "owner"} {
		was, changed := a.first["was_"+k]
		if !changed {
			continue
		}
		any = true
		before.Set(k, attribute(k, was))
		after.Set(k, attribute(k, a.get("now_"+k)))
	}
	return any
}

func attribute(key, text string) any {
	if key == "mode" {
		return fourDigits(text)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return text
	}
	return n
}

// dataDiff is the diff of what is no text: both sides as JSON with sorted keys,
// under that header.
func dataDiff(of, header string, before, after *value.Map) (module.Diff, error) {
	d := module.Diff{Of: of, BeforeHeader: header, AfterHeader: header}
	for _, side := range []struct {
		text *string
		data *value.Map
	}{{&d.Before, before}, {&d.After, after}} {
		text, err := value.ToJSONIndent(side.data, "    ")
		if err != nil {
			return d, fmt.Errorf("cannot show what changes of %s: %w", of, err)
		}
		*side.text = string(text) + "\n"
	}
	return d, nil
}
