package report

import (
	"strconv"
	"strings"
)

// The codes of colours that rollout's own output uses.
const (
	green     = "0;32"
	yellow    = "0;33"
	cyan      = "0;36"
	red       = "0;31"
	brightRed = "1;31"
	gray      = "0;90"
)

// colorCodes are the names that Ansible's settings know.
func colorCodes() map[string]string {
	return map[string]string{
		"black": "0;30", "bright gray": "0;37", "blue": "0;34", "white": "1;37", "green": "0;32", "bright blue": "1;34",
		"cyan": "0;36", "bright green": "1;32", "red": "0;31", "bright cyan": "1;36", "purple": "0;35", "bright red": "1;31",
		"yellow": "0;33", "bright purple": "1;35", "dark gray": "1;30", "bright yellow": "1;33", "magenta": "0;35",
		"bright magenta": "1;35", "normal": "0",
	}
}

// ColorCode is the code of a colour's name: those of colorCodes, colorN of the
// 256, rgbRGB with digits to 5, grayN.
func ColorCode(name string) (string, bool) {
	if code, ok := colorCodes()[name]; ok {
		return code, true
	}
	for prefix, first := range map[string]int{"color": 0, "gray": 232} {
		if digits, ok := strings.CutPrefix(name, prefix); ok {
			n, err := strconv.Atoi(digits)
			return "38;5;" + strconv.Itoa(first+n), err == nil
		}
	}
	if rgb, ok := strings.CutPrefix(name, "rgb"); ok && len(rgb) == 3 {
		n, err := strconv.ParseInt(rgb, 6, 0)
		return "38;5;" + strconv.Itoa(16+int(n)), err == nil
	}
	return "", false
}

// ColorWanted says whether to colour what goes to a terminal or a file: the
// setting force_color asks for it, nocolor and $NO_COLOR (no-color.org) forbid
// it, else terminals get it.
func ColorWanted(terminal, force, forbid bool, getenv func(string) string) bool {
	switch {
	case force:
		return true
	case forbid || getenv("NO_COLOR") != "":
		return false
	}
	return terminal && getenv("TERM") != "dumb"
}
