package differential

// knownDifferences are the runs in which the two tools differ, each with the
// reason. A run that agrees again fails until its line here is gone.
var knownDifferences = map[string]string{
	"handlers/basic":                    "a handler that a handler notifies runs after the next section has begun in Ansible, before it here",
	"handlers/basic --force-handlers":   "a handler that a handler notifies runs after the next section has begun in Ansible, before it here",
	"handlers/failing --force-handlers": "a host that fails in a handler leaves the later ones, forced or not; here it runs them",
	"handlers/flush":                    "the condition of flush_handlers chooses hosts in Ansible; here handlers run on all",
	"handlers/included":                 "a handler that imports a file has no name to notify: Ansible ends the run, here the host fails",
	"handlers/names":                    "of two handlers of one name in one list, Ansible runs the first; here it is the last",
	"loops/lookups":                     "lookup ini with re=True; lookup config of a setting that only Ansible has",
	"vars/files":                        "vars_files that name a host's own variables are read per host; here they are refused",
}
