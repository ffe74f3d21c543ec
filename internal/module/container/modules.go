// Package container holds the modules that keep containers, images, networks
// and volumes of a Docker Engine as they should be, under the names and with
// the arguments and results of Ansible's community.docker. Arguments become a
// docker.Spec, package docker decides and acts, and its words become results.
package container

import "rollout/internal/module"

// Modules returns the modules; engines finds each host's engine.
func Modules(engines Engines) []*module.Module {
	f := family{engines: engines, rehearsed: &rehearsal{}}
	return []*module.Module{
		f.container(),
		f.containerInfo(),
		f.containerExec(),
		containerToCome(),
		f.image(),
		f.imageInfo(),
		f.network(),
		f.networkInfo(),
		f.volume(),
		f.volumeInfo(),
		f.hostInfo(),
	}
}
