package openstack

import (
	"strings"
	"testing"
)

func TestParseHostKeys(t *testing.T) {
	const key = "AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx"
	log := strings.Split(`[   9.1] cloud-init[301]: booting
ec2: #############################################################
ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----
ec2: 256 SHA256:`+strings.Repeat("a", 43)+` root@web1 (ED25519)
ec2: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5old root@web1
-----END SSH HOST KEY KEYS-----
[  11.0] -----BEGIN SSH HOST KEY KEYS-----
[  11.0] ssh-ed25519 `+key+` root@web1
[  11.0] ssh-rsa AAAAnotakey root@web1
[  11.0] -----END SSH HOST KEY KEYS-----
-----BEGIN SSH HOST KEY KEYS-----
ssh-ed25519 AAAAcut`, "\n")
	keys, prints := ParseHostKeys(log)
	if len(keys) != 1 || keys[0] != "ssh-ed25519 "+key {
		t.Errorf("keys are %q", keys)
	}
	if len(prints) != 1 || prints[0] != "SHA256:"+strings.Repeat("a", 43) {
		t.Errorf("fingerprints are %q", prints)
	}
	if keys, prints := ParseHostKeys(nil); keys != nil || prints != nil {
		t.Errorf("from nothing: %v %v", keys, prints)
	}
}

func FuzzParseHostKeys(f *testing.F) {
	f.Add("-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA x\n-----END SSH HOST KEY KEYS-----")
	f.Fuzz(func(t *testing.T, log string) {
		keys, _ := ParseHostKeys(strings.Split(log, "\n"))
		for _, k := range keys {
			if strings.Count(k, " ") != 1 || strings.ContainsAny(k, "\n\r") {
				t.Errorf("not a key: %q", k)
			}
		}
	})
}

func TestPatternsFor(t *testing.T) {
	for _, tc := range []struct{ names, want string }{
		{"student07-web-1", "^student07-web-1$"},
		{"student07-web-1 student07-app-1", "^student07-"},
		{"student07-web-1 student07-web-2", "^student07-web-"},
		{"a.b-1 c", `^a\.b-1$ ^c$`},
		{"student1-web student10-web student1-app", "^student1- ^student10-web$"},
		{"student01-step student02-step student03-step", "^student0"},
		{"web1 web2 web3", "^web"},
		{"a-1 b-1 c-1", ""},
	} {
		if got := strings.Join(patternsFor(strings.Fields(tc.names)), " "); got != tc.want {
			t.Errorf("%s: %s, not %s", tc.names, got, tc.want)
		}
	}
}
