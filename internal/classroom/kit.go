package classroom

import (
	"cmp"
	"encoding/base64"
	"path"
	"slices"
	"strings"

	"rollout/internal/value"
	"rollout/inventory"
	"rollout/userdata"
)

// File is what a step server gets.
type File struct {
	Path    string // absolute, or below the home directory
	Mode    string // octal
	Content string
	Secret  bool // never shown
}

// Kit is what a student's step server is equipped with.
type Kit struct {
	Student    Student
	PublicKey  string // of the student's key pair, as in authorized_keys
	PrivateKey string // a secret
	Cloud      string // entry of the clouds.yaml that is among Files
	Files      []File // credentials and the project
}

// files are all that the student finds, with absolute paths.
func (k Kit) files(s StepServer) []File {
	all := append([]File{
		{Path: ".ssh/" + k.Student.KeyPair(), Mode: "0600", Content: k.PrivateKey, Secret: true},
		{Path: ".ssh/" + k.Student.KeyPair() + ".pub", Mode: "0644", Content: k.PublicKey + "\n"},
		{Path: profilePath, Mode: "0644", Content: k.profile()},
	}, k.Files...)
	for i, f := range all {
		if !path.IsAbs(f.Path) {
			all[i].Path = path.Join(s.Home(), f.Path)
		}
	}
	slices.SortStableFunc(all, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return all
}

const (
	profilePath = "/etc/profile.d/rollout.sh"
	programPath = "/usr/local/bin/rollout"
)

// profile is what a login shell reads: the student's name is the prefix of all
// that rollout makes.
func (k Kit) profile() string {
	return "export STUDENT=" + k.Student.Name + "\nexport OS_CLOUD=" + quote(k.Cloud) + "\n"
}

// quote makes one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Clouds is the inventory's group with one host for each cloud of the class:
// what students share is made once. Students is the group of the students.
const (
	Clouds   = "clouds"
	Students = "students"
)

// Inventory shows the class as the playbook classroom_init sees it. shared are
// variables of the clouds: the networks and security groups of the topology.
// program is this machine's executable, for step servers that it is pushed to.
func (r *Roster) Inventory(kits []Kit, shared *value.Map, program string) (*inventory.Inventory, error) {
	inv := inventory.New()
	inv.AddGroup(Clouds).Vars.Update(shared)
	inv.Group(Clouds).Vars.Set("ansible_connection", "local")
	inv.AddGroup(Students).Vars.Update(r.groupVars(program))
	for _, k := range kits {
		inv.AddHost("cloud-"+cmp.Or(k.Student.Cloud, "default"), Clouds).Vars.Set("rollout_cloud", k.Student.Cloud)
		vars, err := r.hostVars(k)
		if err != nil {
			return nil, err
		}
		inv.AddHost(k.Student.Name, Students).Vars.Update(vars)
	}
	return inv, nil
}

func (r *Roster) groupVars(program string) *value.Map {
	from := []any{}
	for _, p := range r.Step.SSHFrom {
		ether := "IPv4"
		if p.Addr().Is6() {
			ether = "IPv6"
		}
		from = append(from, value.NewMap("cidr", p.String(), "ethertype", ether))
	}
	return value.NewMap("ansible_user", r.Step.User, "step_ssh_from", from, "step_pushed", r.Step.Pushed(),
		"step_program", program, "step_program_path", programPath, "step_home", r.Step.Home())
}

func (r *Roster) hostVars(k Kit) (*value.Map, error) {
	doc, err := r.userData(k)
	if err != nil {
		return nil, err
	}
	files, secrets := []any{}, []any{}
	for _, f := range k.files(r.Step) {
		// In base64, for a playbook's text is no template here.
		m := value.NewMap("path", f.Path, "mode", f.Mode, "content", base64.StdEncoding.EncodeToString([]byte(f.Content)),
			"owner", r.ownerOf(f))
		if f.Secret {
			secrets = append(secrets, m)
			continue
		}
		files = append(files, m)
	}
	vars := value.NewMap("student", k.Student.Name, "rollout_cloud", k.Student.Cloud,
		"step_key", value.NewMap("name", k.Student.KeyPair(), "public_key", k.PublicKey),
		"step_group", k.Student.Group(), "step_server", r.serverVars(k.Student), "step_user_data", doc,
		"ansible_ssh_private_key_file", r.KeyFile(k.Student))
	if r.Step.Pushed() {
		vars.Set("step_dirs", value.List(k.dirs(r.Step)))
		vars.Set("step_files", files)
		vars.Set("step_secrets", secrets)
	}
	return vars, nil
}

// ownerOf keeps what every login shell reads the administrator's.
func (r *Roster) ownerOf(f File) string {
	if strings.HasPrefix(f.Path, r.Step.Home()+"/") {
		return r.Step.User
	}
	return "root"
}

// dirs are the folders below the home directory that the files need, parents
// first.
func (k Kit) dirs(s StepServer) []string {
	var out []string
	for _, f := range k.files(s) {
		for dir := path.Dir(f.Path); strings.HasPrefix(dir, s.Home()+"/") && !slices.Contains(out, dir); dir = path.Dir(dir) {
			out = append(out, dir)
		}
	}
	slices.Sort(out)
	return out
}

// serverVars is the server, named as openstack.cloud.server's arguments.
func (r *Roster) serverVars(s Student) *value.Map {
	vars := value.NewMap("name", s.Server(), "image", r.Step.Image, "flavor", r.Step.Flavor, "network", r.Step.Network,
		"security_groups", value.List(append([]string{s.Group()}, r.Step.SecurityGroups...)), "timeout", r.Step.BootTimeout,
		"meta", value.NewMap("rollout_app", "classroom", "rollout_owner", s.Name, "rollout_tier", "step", "rollout_index", "1"))
	if r.Step.AvailabilityZone != "" {
		vars.Set("availability_zone", r.Step.AvailabilityZone)
	}
	if r.Step.FloatingIP {
		ip := value.NewMap()
		if r.Step.Pool != "" {
			ip.Set("pool", r.Step.Pool)
		}
		vars.Set("floating_ip", ip)
	}
	return vars
}

// userData is what cloud-init gets: its host keys on the console, and where
// nothing is pushed, all that the student finds.
func (r *Roster) userData(k Kit) (string, error) {
	docs := []string{}
	if r.Step.User == "root" {
		docs = append(docs, userdata.RootLogin)
	}
	docs = append(docs, userdata.HostKeys)
	if !r.Step.Pushed() {
		docs = append(docs, r.installScript(k))
	}
	doc, err := userdata.Join(docs...)
	if err == nil {
		err = userdata.CheckSize(doc)
	}
	return doc, err
}
