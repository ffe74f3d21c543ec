package openstack

import (
	"strings"

	"rollout/internal/value"
)

// Mark says for whom rollout made something. It stands in the description of
// what Neutron keeps, given with the request that makes the thing: there is no
// time at which a thing of ours is without. Nova's key pairs have no
// description; theirs is in the public key's comment.
type Mark struct{ Owner, App string }

// String is the description of what is made for that owner and application;
// empty for the zero Mark, whose things no clean-up takes.
func (m Mark) String() string {
	if m.Owner == "" {
		return ""
	}
	return floatingMark + m.Name()
}

// KeyComment is the word that ends the comment of a public key.
func (m Mark) KeyComment() string { return "rollout:" + m.Name() }

// Name is the owner, or owner/application.
func (m Mark) Name() string {
	if m.App == "" {
		return m.Owner
	}
	return m.Owner + "/" + m.App
}

// MarkFrom reads what Name writes.
func MarkFrom(name string) Mark {
	owner, app, _ := strings.Cut(name, "/")
	return Mark{owner, app}
}

// MarkOf reads the description of a thing of Neutron's; the zero Mark is
// somebody else's thing.
func MarkOf(raw *value.Map) Mark {
	name, ours := strings.CutPrefix(raw.String("description"), floatingMark)
	if !ours {
		return Mark{}
	}
	return MarkFrom(name)
}

// Mark says for whom rollout stored the key pair; the zero Mark is somebody
// else's.
func (k KeyPair) Mark() Mark {
	words := strings.Fields(k.PublicKey)
	if len(words) < 3 {
		return Mark{}
	}
	name, ours := strings.CutPrefix(words[len(words)-1], "rollout:")
	if !ours {
		return Mark{}
	}
	return MarkFrom(name)
}

// Marked puts the mark behind a public key's own comment.
func (m Mark) Marked(publicKey string) string {
	publicKey = strings.TrimSpace(publicKey)
	if m.Owner == "" {
		return publicKey
	}
	return publicKey + " " + m.KeyComment()
}
