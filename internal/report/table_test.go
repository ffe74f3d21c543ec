package report

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	err := Table(&b, []string{"Name", "Networks"}, [][]string{
		{"student07-web-1", "dmz-net=192.168.0.14, app-net=172.16.10.14"},
		{"日本語", "\x1b[31mred"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `+-----------------+--------------------------------------------+
| Name            | Networks                                   |
+-----------------+--------------------------------------------+
| student07-web-1 | dmz-net=192.168.0.14, app-net=172.16.10.14 |
| 日本語          | \x1b[31mred                                |
+-----------------+--------------------------------------------+
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
