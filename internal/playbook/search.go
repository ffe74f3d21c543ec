package playbook

import (
	"path/filepath"
	"slices"
	"strings"
)

// findTasks looks for a task file as ansible-core does: from the files that
// lead here, innermost first, each name taken relative to the one before, then
// where the role or the play keeps its tasks. What is included at run time is
// looked for in the role's tasks first.
func (r *reader) findTasks(name string, dynamic bool, s scope) (path string, tried []string) {
	name = homePath(name)
	if isAbs(name) {
		tried = []string{name}
	} else {
		tried = r.taskPlaces(name, dynamic, s)
	}
	for _, p := range tried {
		if isFile(r.l.Files, p) {
			return p, nil
		}
	}
	return "", tried
}

// taskPlaces are the paths that a task file's name may mean, best first.
func (r *reader) taskPlaces(name string, dynamic bool, s scope) []string {
	var out []string
	from := ""
	for _, dir := range slices.Backward(s.includes) {
		if from = join(dir, from); s.role == nil {
			out = appendNew(out, r.near(s.play.Dir, from, name, s.play.Dir)...)
			continue
		}
		home := s.role.Role.Path
		if dynamic {
			out = appendNew(out, r.near(home, "tasks", name, s.play.Dir)...)
			out = appendNew(out, r.near(join(filepath.Join(home, "tasks"), from), "tasks", name, s.play.Dir)...)
			continue
		}
		out = appendNew(out, r.near(join(filepath.Join(home, taskDir(s)), from), taskDir(s), name, s.play.Dir)...)
	}
	if s.role == nil {
		return appendNew(out, filepath.Join(s.play.Dir, name))
	}
	return appendNew(out, around(s.role.Role.Path, taskDir(s), name, s.play.Dir, true)...)
}

// near are the places around dir that hold a file of its kind: in the folder
// kind of dir or of the role that dir is in, in dir, beside the playbook.
func (r *reader) near(dir, kind, name, playDir string) []string {
	return around(dir, kind, name, playDir, r.isRole(dir))
}

// around is near for a dir that is known to be a role's, or not.
func around(dir, kind, name, playDir string, isRole bool) []string {
	out := []string{filepath.Join(join(dir, kind), name)}
	if isRole {
		if filepath.Base(dir) == "tasks" {
			dir = filepath.Dir(dir)
		}
		out = append(out, filepath.Join(join(dir, kind), name))
		if !strings.HasSuffix(name, kind) {
			out = append(out, filepath.Join(dir, "tasks", name))
		}
	}
	return append(out, filepath.Join(kind, name), filepath.Join(dir, name), filepath.Join(join(playDir, kind), name),
		filepath.Join(playDir, name))
}

// isRole tells whether dir is a role, or the tasks folder of one.
func (r *reader) isRole(dir string) bool {
	mains := []string{"main.yml", "main.yaml", "main"}
	for _, m := range mains {
		if filepath.Base(dir) == "tasks" && isFile(r.l.Files, filepath.Join(dir, m)) {
			return true
		}
		for _, home := range []string{dir, filepath.Dir(dir)} {
			if isFile(r.l.Files, filepath.Join(home, "tasks", m)) || isFile(r.l.Files, filepath.Join(home, "meta", m)) {
				return true
			}
		}
	}
	return false
}

func taskDir(s scope) string {
	if s.handlers {
		return "handlers"
	}
	return "tasks"
}
