package runner

import (
	"strings"
	"testing"

	"rollout/internal/report"
	"rollout/internal/value"
)

func TestSecretsAreMaskedInEverythingShown(t *testing.T) {
	s := &secrets{}
	s.add("hunter22", "abc")
	r := s.result(report.Result{
		Data: value.NewMap(
			"msg", "login with hunter22 failed", "short", "abc", "word", "abcdef",
			"env", []any{"PATH=/bin", "MYSQL_PASSWORD=board", "DB_ENV_MYSQL_PASSWORD=board"},
			"want", value.NewMap("MYSQL_PASSWORD", "board", "COLOUR", "blue", "API_TOKEN", ""),
			"cmd", "docker run -e OS_PASSWORD=topsecret -e A=b image"),
		Diffs: []report.Diff{{Before: "SECRET_KEY=old\n", After: "SECRET_KEY=new\n"}},
	})
	got, _ := value.ToJSON(r.Data)
	want := `{"msg": "login with ******** failed", "short": "********", "word": "abcdef", ` +
		`"env": ["PATH=/bin", "MYSQL_PASSWORD=********", "DB_ENV_MYSQL_PASSWORD=********"], ` +
		`"want": {"MYSQL_PASSWORD": "********", "COLOUR": "blue", "API_TOKEN": ""}, ` +
		`"cmd": "docker run -e OS_PASSWORD=******** -e A=b image"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Contains(r.Diffs[0].Before+r.Diffs[0].After, "old") || strings.Contains(r.Diffs[0].After, "new") {
		t.Errorf("diff = %+v", r.Diffs[0])
	}
}
