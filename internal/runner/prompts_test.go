package runner

import (
	"regexp"
	"testing"

	"rollout/internal/playbook"
)

// A question may ask for a password as a host's list of passwords takes it.
func TestPromptsEncrypt(t *testing.T) {
	for want, p := range map[string]*playbook.Prompt{
		`^geheim$`:                                 {},
		`^\$1\$a1\$4geRu95Yko\.CywNdtksvo/$`:       {Encrypt: "md5_crypt", Salt: "a1"},
		`^\$1\$[./0-9A-Za-z]{7}\$.{22}$`:           {Encrypt: "md5_crypt", SaltSize: 7},
		`^\$6\$rounds=656000\$[./0-9A-Za-z]{16}\$`: {Encrypt: "sha512_crypt"},
	} {
		got, err := encrypted(p, "geheim")
		if err != nil || !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%+v: %s, %v; want %s", p, got, err, want)
		}
	}
}
