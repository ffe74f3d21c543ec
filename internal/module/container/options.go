package container

import (
	"rollout/internal/docker"
	"rollout/internal/module"
)

// option is one argument of docker_container that is one value in the API.
type option struct {
	arg       module.Arg
	path      string
	shape     docker.Shape
	live      bool                     // changed without a new container
	fromImage bool                     // starts from the image's own value
	ignored   bool                     // no difference unless comparisons says so
	form      func(v any) (any, error) // argument to the API's form; nil is as it is
	same      func(v any) any          // see docker.Setting.Same
}

func arg(name string, t module.Type, doc string) module.Arg {
	return module.Arg{Name: name, Type: t, Doc: doc}
}

func strs(name, doc string) module.Arg {
	return module.Arg{Name: name, Type: module.List, Elements: module.Str, Doc: doc}
}

func choice(name, doc string, of ...string) module.Arg {
	return module.Arg{Name: name, Type: module.Str, Choices: of, Doc: doc}
}

// options lists every argument that is compared with and handed to the engine
// as one value. Volumes, ports, networks and links are in spec.go.
func options() []option {
	const list, set, dict = docker.List, docker.Set, docker.Dict
	return []option{
		{arg: arg("auto_remove", module.Bool, "remove the container when it ends"), path: "HostConfig.AutoRemove"},
		{arg: arg("blkio_weight", module.Int, "block I/O weight, 10 to 1000"), path: "HostConfig.BlkioWeight", live: true},
		{arg: strs("capabilities", "capabilities to add"), path: "HostConfig.CapAdd", shape: set, form: capabilities, same: sameCapabilities},
		{arg: strs("cap_drop", "capabilities to drop"), path: "HostConfig.CapDrop", shape: set, form: capabilities, same: sameCapabilities},
		{arg: choice("cgroupns_mode", "cgroup namespace", "private", "host"), path: "HostConfig.CgroupnsMode"},
		{arg: arg("cgroup_parent", module.Str, "parent cgroup"), path: "HostConfig.CgroupParent"},
		{arg: arg("command", module.Raw, "command, as a list or as one shell line"), path: "Config.Cmd", shape: list, form: words},
		{arg: arg("cpu_period", module.Int, "CPU period in microseconds"), path: "HostConfig.CpuPeriod", live: true},
		{arg: arg("cpu_quota", module.Int, "CPU quota in microseconds"), path: "HostConfig.CpuQuota", live: true},
		{arg: arg("cpu_shares", module.Int, "relative CPU weight"), path: "HostConfig.CpuShares", live: true},
		{arg: arg("cpus", module.Float, "how many CPUs it may use"), path: "HostConfig.NanoCpus", live: true, form: nanoCPUs},
		{arg: arg("cpuset_cpus", module.Str, "CPUs it may run on: 0-2,5"), path: "HostConfig.CpusetCpus", live: true},
		{arg: arg("cpuset_mems", module.Str, "memory nodes it may use"), path: "HostConfig.CpusetMems", live: true},
		{arg: strs("devices", "devices: host[:container[:rwm]]"), path: "HostConfig.Devices", shape: set, form: devices},
		{arg: strs("device_cgroup_rules", "rules of the devices' cgroup: c 13:* rwm"), path: "HostConfig.DeviceCgroupRules", shape: set},
		{arg: rateArg("device_read_bps", "how many bytes a second it may read: path and rate", module.Str), path: "HostConfig.BlkioDeviceReadBps", shape: set, form: rates},
		{arg: rateArg("device_write_bps", "how many bytes a second it may write: path and rate", module.Str), path: "HostConfig.BlkioDeviceWriteBps", shape: set, form: rates},
		{arg: rateArg("device_read_iops", "how many times a second it may read: path and rate", module.Int), path: "HostConfig.BlkioDeviceReadIOps", shape: set, form: rates},
		{arg: rateArg("device_write_iops", "how many times a second it may write: path and rate", module.Int), path: "HostConfig.BlkioDeviceWriteIOps", shape: set, form: rates},
		{arg: strs("dns_servers", "DNS servers"), path: "HostConfig.Dns", shape: list},
		{arg: strs("dns_opts", "resolver options"), path: "HostConfig.DnsOptions", shape: set},
		{arg: strs("dns_search_domains", "DNS search domains"), path: "HostConfig.DnsSearch", shape: list},
		{arg: arg("domainname", module.Str, "domain name"), path: "Config.Domainname"},
		{arg: strs("entrypoint", "program that runs the command"), path: "Config.Entrypoint", shape: list},
		{arg: arg("env", module.Dict, "environment"), path: "Config.Env", shape: set, fromImage: true, form: environment},
		{arg: arg("etc_hosts", module.Dict, "further lines of the hosts file: name to address"), path: "HostConfig.ExtraHosts", shape: set, form: hosts},
		{arg: strs("groups", "further groups of its user"), path: "HostConfig.GroupAdd", shape: set},
		{arg: healthcheckArg(), path: "Config.Healthcheck", shape: dict, form: healthcheck, same: sameHealthcheck},
		{arg: arg("hostname", module.Str, "host name"), path: "Config.Hostname"},
		{arg: arg("init", module.Bool, "run a small init as its first process"), path: "HostConfig.Init"},
		{arg: arg("interactive", module.Bool, "keep standard input open"), path: "Config.OpenStdin"},
		{arg: arg("ipc_mode", module.Str, "IPC namespace"), path: "HostConfig.IpcMode"},
		{arg: arg("labels", module.Dict, "labels"), path: "Config.Labels", shape: dict, fromImage: true, form: texts},
		{arg: arg("log_driver", module.Str, "log driver"), path: "HostConfig.LogConfig.Type"},
		{arg: module.Arg{Name: "log_options", Aliases: []string{"log_opt"}, Type: module.Dict, Doc: "options of the log driver"}, path: "HostConfig.LogConfig.Config", shape: dict, form: texts},
		{arg: arg("mac_address", module.Str, "hardware address"), path: "Config.MacAddress", form: macAddress},
		{arg: arg("memory", module.Str, "memory limit: 512m"), path: "HostConfig.Memory", live: true, form: size},
		{arg: arg("memory_reservation", module.Str, "soft memory limit"), path: "HostConfig.MemoryReservation", live: true, form: size},
		{arg: arg("memory_swap", module.Str, "limit of memory and swap together; unlimited or -1"), path: "HostConfig.MemorySwap", live: true, form: size},
		{arg: arg("memory_swappiness", module.Int, "0 to 100"), path: "HostConfig.MemorySwappiness"},
		{arg: arg("network_mode", module.Str, "network: bridge, host, none, container:NAME or a network's name"), path: "HostConfig.NetworkMode", same: sameNetworkMode},
		{arg: arg("oom_killer", module.Bool, "true disables the out-of-memory killer, as the engine's option does"), path: "HostConfig.OomKillDisable"},
		{arg: arg("oom_score_adj", module.Int, "-1000 to 1000"), path: "HostConfig.OomScoreAdj"},
		{arg: arg("pid_mode", module.Str, "PID namespace"), path: "HostConfig.PidMode"},
		{arg: arg("pids_limit", module.Int, "how many processes it may have; -1 for any number"), path: "HostConfig.PidsLimit", live: true},
		{arg: arg("privileged", module.Bool, "extended privileges"), path: "HostConfig.Privileged"},
		{arg: arg("publish_all_ports", module.Bool, "publish every exposed port on a free one"), path: "HostConfig.PublishAllPorts"},
		{arg: arg("read_only", module.Bool, "read-only root file system"), path: "HostConfig.ReadonlyRootfs"},
		{arg: choice("restart_policy", "when the engine starts it again", "no", "on-failure", "always", "unless-stopped"), path: "HostConfig.RestartPolicy.Name", live: true, same: sameRestart},
		{arg: arg("restart_retries", module.Int, "how often on-failure tries"), path: "HostConfig.RestartPolicy.MaximumRetryCount", live: true},
		{arg: arg("runtime", module.Str, "OCI runtime"), path: "HostConfig.Runtime"},
		{arg: strs("security_opts", "security options"), path: "HostConfig.SecurityOpt", shape: set},
		{arg: arg("shm_size", module.Str, "size of /dev/shm"), path: "HostConfig.ShmSize", form: size},
		{arg: arg("stop_signal", module.Str, "signal that stops it"), path: "Config.StopSignal"},
		{arg: arg("stop_timeout", module.Int, "seconds until it is killed when stopped"), path: "Config.StopTimeout", ignored: true},
		{arg: arg("storage_opts", module.Dict, "options of the storage driver"), path: "HostConfig.StorageOpt", shape: dict, form: texts},
		{arg: arg("sysctls", module.Dict, "kernel parameters of its namespaces"), path: "HostConfig.Sysctls", shape: dict, form: texts},
		{arg: strs("tmpfs", "memory file systems: path[:options]"), path: "HostConfig.Tmpfs", shape: dict, form: tmpfs},
		{arg: arg("tty", module.Bool, "give it a terminal"), path: "Config.Tty"},
		{arg: strs("ulimits", "limits: name:soft[:hard]"), path: "HostConfig.Ulimits", shape: set, form: ulimits},
		{arg: arg("user", module.Str, "user it runs as: name, id or user:group"), path: "Config.User"},
		{arg: arg("userns_mode", module.Str, "user namespace"), path: "HostConfig.UsernsMode"},
		{arg: arg("uts", module.Str, "UTS namespace"), path: "HostConfig.UTSMode"},
		{arg: arg("volume_driver", module.Str, "driver of its volumes"), path: "HostConfig.VolumeDriver"},
		{arg: strs("volumes_from", "containers whose volumes it shares"), path: "HostConfig.VolumesFrom", shape: set},
		{arg: arg("working_dir", module.Str, "working directory"), path: "Config.WorkingDir"},
	}
}

func healthcheckArg() module.Arg {
	return module.Arg{Name: "healthcheck", Type: module.Dict, Doc: "how its health is checked", Options: []module.Arg{
		arg("test", module.Raw, "a list [CMD, program, argument …], [CMD-SHELL, line] or [NONE]; or a shell line"),
		arg("interval", module.Str, "time between two checks: 30s, 1m30s"),
		arg("timeout", module.Str, "time after which a check has failed"),
		arg("start_period", module.Str, "time in which failures do not count"),
		arg("retries", module.Int, "failures in a row until it is unhealthy"),
		arg("test_cli_compatible", module.Bool, "without test, keep the image's; else there is no check then"),
	}}
}

func rateArg(name, doc string, rate module.Type) module.Arg {
	return module.Arg{Name: name, Type: module.List, Elements: module.Dict, Doc: doc, Options: []module.Arg{
		{Name: "path", Type: module.Str, Required: true, Doc: "the device on the host"},
		{Name: "rate", Type: rate, Required: true, Doc: "the limit"},
	}}
}
