package template

import (
	"context"
	"testing"
)

// The hashes are passlib's, as Ansible prints them.
func TestPasswordHash(t *testing.T) {
	e := New(Options{})
	for src, want := range map[string]string{
		"'secret'|password_hash('sha512', 'mysalt', rounds=10000)":                 "$6$rounds=10000$mysalt$9XTP7570fxVN/uTspSrH6kRPdR4KKGzGz7.TmJjDYGrKSwZuavW/3YaLur8JX6WP75Czcxa.megIO0lKreY0R.",
		"'secret'|password_hash('sha512', 'mysalt', rounds=5000)":                  "$6$mysalt$UX6P1VKOf6dr0s2pg4pLNvIUB6hLXvP6M5f/Yj9hJgMPdAJ4oArvk5YUD9/XWtk1JOpVwt/JTsczMJr8sFVML1",
		"'secret'|password_hash('sha256', 'mysalt')":                               "$5$rounds=535000$mysalt$GnEktJhWXRuwViyPsEWK9s63HYW1GqXFqU5SdKDqol6",
		"'x'|password_hash('md5', 'abcdefgh')":                                     "$1$abcdefgh$znAnv9M.XU2pRYfmSs46h/",
		"'verylongpasswordmorethansixteen'|password_hash('md5_crypt', 'saltsalt')": "$1$saltsalt$Fkh7vmiL5/Q5ETUTUJ.NI0",
		"'geheim'|password_hash('md5', 'a1')":                                      "$1$a1$4geRu95Yko.CywNdtksvo/",
	} {
		x, err := e.CompileExpr(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := x.Eval(context.Background(), nil); err != nil || got != any(want) {
			t.Errorf("%s\n got %v, %v\nwant %s", src, got, err, want)
		}
	}
}
