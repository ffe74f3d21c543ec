package compute

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) keyPairRoutes() {
	s.Handle("GET /v2.1/os-keypairs", s.listKeyPairs)
	s.Handle("POST /v2.1/os-keypairs", s.createKeyPair)
	s.Handle("GET /v2.1/os-keypairs/{name}", s.showKeyPair)
	s.Handle("DELETE /v2.1/os-keypairs/{name}", s.deleteKeyPair)
}

func keyPairView(r *http.Request, pair *cloud.KeyPair) wire.Object {
	view := wire.Object{"name": pair.Name, "public_key": pair.PublicKey, "fingerprint": pair.Fingerprint}
	if since(r, 2) {
		view["type"] = "ssh"
	}
	return view
}

// listKeyPairs has pages from 2.35 on.
func (s *Service) listKeyPairs(r *http.Request) (wire.Answer, error) {
	var names []string
	views := map[string]wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, pair := range cloud.Sorted(state.KeyPairs) {
			names = append(names, pair.Name)
			views[pair.Name] = keyPairView(r, pair)
		}
	})
	query := url.Values{}
	if since(r, 35) {
		query = r.URL.Query()
	}
	page, more, err := wire.Page(names, func(name string) string { return name }, query, mostItems)
	if err != nil {
		return wire.Answer{}, err
	}
	pairs := []wire.Object{}
	for _, name := range page {
		pairs = append(pairs, wire.Object{"keypair": views[name]})
	}
	body := wire.Object{"keypairs": pairs}
	if more {
		body["keypairs_links"] = []wire.Object{{"rel": "next",
			"href": wire.Root(r, "compute") + r.URL.Path + "?" + wire.NextQuery(query, page[len(page)-1])}}
	}
	return wire.OK(body)
}

func (s *Service) showKeyPair(r *http.Request) (wire.Answer, error) {
	var view wire.Object
	userID := ""
	s.store.View(func(state *cloud.State) {
		userID = state.UserID
		if pair := state.KeyPairs[r.PathValue("name")]; pair != nil {
			view = keyPairView(r, pair)
			view["id"], view["user_id"], view["created_at"] = pair.Number, userID, micros(pair.Created)
			view["deleted"], view["deleted_at"], view["updated_at"] = false, nil, nil
		}
	})
	if view == nil {
		return wire.Answer{}, noKeyPair(r, userID)
	}
	return wire.OK(wire.Object{"keypair": view})
}

func noKeyPair(r *http.Request, userID string) error {
	return missing("Keypair %s not found for user %s", r.PathValue("name"), userID)
}

func (s *Service) deleteKeyPair(r *http.Request) (wire.Answer, error) {
	err := s.store.Update(func(state *cloud.State) error {
		name := r.PathValue("name")
		if state.KeyPairs[name] == nil {
			return noKeyPair(r, state.UserID)
		}
		delete(state.KeyPairs, name)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if since(r, 2) {
		return wire.NoContent()
	}
	return wire.Accepted(nil)
}

var keyPairName = regexp.MustCompile(`^[\w .@-]{1,255}$`)

func (s *Service) createKeyPair(r *http.Request) (wire.Answer, error) {
	var asked struct {
		KeyPair struct {
			Name      string `json:"name"`
			PublicKey string `json:"public_key"`
			Type      string `json:"type"`
		} `json:"keypair"`
	}
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	if !keyPairName.MatchString(asked.KeyPair.Name) {
		return wire.Answer{}, badRequest("Keypair data is invalid: Keypair name contains unsafe characters")
	}
	if asked.KeyPair.Type != "" && asked.KeyPair.Type != "ssh" {
		return wire.Answer{}, badRequest("Invalid input for field/attribute type. Value: %s. The practice cloud has key pairs of type 'ssh' only", asked.KeyPair.Type)
	}
	public, private := asked.KeyPair.PublicKey, ""
	if public == "" {
		if since(r, 92) {
			return wire.Answer{}, badRequest("Invalid input for field/attribute keypair. 'public_key' is a required property")
		}
		var err error
		if public, private, err = generate(); err != nil {
			return wire.Answer{}, err
		}
	}
	view, err := s.addKeyPair(r, asked.KeyPair.Name, public)
	if err != nil {
		return wire.Answer{}, err
	}
	if private != "" {
		view["private_key"] = private
	}
	if since(r, 2) {
		return wire.Created(wire.Object{"keypair": view})
	}
	return wire.OK(wire.Object{"keypair": view})
}

func (s *Service) addKeyPair(r *http.Request, name, public string) (wire.Object, error) {
	var view wire.Object
	err := s.store.Update(func(state *cloud.State) error {
		if state.Exceeds("key_pairs", len(state.KeyPairs), 1) {
			return wire.Errorf(http.StatusForbidden, "", "Quota exceeded, too many key pairs.")
		}
		if state.KeyPairs[name] != nil {
			return conflict("Key pair '%s' already exists.", name)
		}
		pair, err := NewKeyPair(state, name, public)
		if err != nil {
			return err
		}
		pair.Created = s.now()
		view = keyPairView(r, pair)
		view["user_id"] = state.UserID
		return nil
	})
	return view, err
}

// NewKeyPair adds a public key, in the form of authorized_keys, to the state.
func NewKeyPair(state *cloud.State, name, public string) (*cloud.KeyPair, error) {
	fingerprint, ok := fingerprint(public)
	if !ok {
		return nil, badRequest("Keypair data is invalid: failed to generate fingerprint")
	}
	state.LastKeyPair++
	pair := &cloud.KeyPair{Number: state.LastKeyPair, Name: name, PublicKey: public, Fingerprint: fingerprint, Type: "ssh"}
	state.KeyPairs[name] = pair
	return pair, nil
}

// fingerprint is a key's MD5 sum as Nova shows it; false for what is no public key. The blob begins with its own type's
// length and name (RFC 4253, 6.6).
func fingerprint(public string) (string, bool) {
	fields := strings.Fields(public)
	if len(fields) < 2 {
		return "", false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(blob) < 4 {
		return "", false
	}
	length := binary.BigEndian.Uint32(blob)
	if uint64(length) > uint64(len(blob)-4) || string(blob[4:4+length]) != fields[0] {
		return "", false
	}
	sum := md5.Sum(blob)
	var pairs []string
	for _, b := range sum {
		pairs = append(pairs, hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":"), true
}

// generate makes an RSA key as Nova does: the public half for authorized_keys, the private half in PEM.
func generate() (public, private string, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", err
	}
	private = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	blob := sshString([]byte("ssh-rsa"))
	blob = append(blob, sshNumber(big.NewInt(int64(key.E)))...)
	blob = append(blob, sshNumber(key.N)...)
	return "ssh-rsa " + base64.StdEncoding.EncodeToString(blob) + " Generated-by-Nova", private, nil
}

// sshString encodes a string, sshNumber a positive mpint (RFC 4251, 5).
func sshString(text []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func sshNumber(n *big.Int) []byte {
	bytes := n.Bytes()
	if len(bytes) > 0 && bytes[0] >= 0x80 {
		bytes = append([]byte{0}, bytes...)
	}
	return sshString(bytes)
}
