package template

import (
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"rollout/internal/value"
)

// TestMeasured compares with what Ansible's own templar gave: the value as
// Python's repr writes it, so that types count, or that it was an error. The
// variable ROLLOUT_TEMPLATE_CASES names another file of the same form.
func TestMeasured(t *testing.T) {
	files := []string{"testdata/jinja/measured.json", "testdata/jinja/collections.json"}
	if more := os.Getenv("ROLLOUT_TEMPLATE_CASES"); more != "" {
		files = strings.Split(more, ",")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := value.FromJSON(data)
		if err != nil {
			t.Fatal(err)
		}
		top := doc.(*value.Map)
		j := jinjaFile{engine: New(Options{Now: fixedNow, Env: noEnv, RealPath: realPath}), vars: top.Map("vars"), cases: top.List("cases")}
		for _, c := range j.cases {
			c := c.(*value.Map)
			if wrong := j.differs(t, c); wrong != "" {
				t.Errorf("%s %s\n    %s", c.String("kind"), c.String("src"), wrong)
			}
		}
	}
}

// realPath stands for the directory that the cases were measured in.
func realPath(p string) (string, error) {
	if path.IsAbs(p) {
		return path.Clean(p), nil
	}
	return path.Join("/tmp/template-x", p), nil
}

func noEnv(string) (string, bool) { return "", false }

// differs says how ours is unlike what was measured; "" is alike.
func (j jinjaFile) differs(t *testing.T, c *value.Map) string {
	t.Helper()
	got, err := j.run(c)
	want, fine := c.Get("repr")
	switch {
	case fine && err != nil:
		return fmt.Sprintf("got the error %q, want %s", err, want)
	case fine && repr(got) != want:
		return fmt.Sprintf("got %s, want %s", repr(got), want)
	case !fine && err == nil:
		return fmt.Sprintf("got %s, want the error %s", repr(got), c.String("err"))
	}
	return ""
}
