package compute

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// anyText is a text that clients also send as a number.
type anyText string

// UnmarshalJSON takes a text or a number.
func (a *anyText) UnmarshalJSON(text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	if value != nil {
		*a = anyText(fmt.Sprint(value))
	}
	return nil
}

// anyInt is a number that clients also send as a text.
type anyInt int

// UnmarshalJSON takes a number or a text with one.
func (a *anyInt) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	n, err := strconv.Atoi(strings.Trim(string(text), `"`))
	*a = anyInt(n)
	return err
}

// anyBool is a truth value that clients also send as a text.
type anyBool bool

// UnmarshalJSON takes true, "True", 1 and the like.
func (a *anyBool) UnmarshalJSON(text []byte) error {
	switch word := strings.ToLower(strings.Trim(string(text), `"`)); word {
	case "true", "1", "yes", "on", "t", "y":
		*a = true
	case "false", "0", "no", "off", "f", "n", "null", "":
		*a = false
	default:
		return fmt.Errorf("'%s' is not a boolean", word)
	}
	return nil
}
