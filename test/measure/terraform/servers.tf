# The same servers as playbooks/create.yml's.
terraform {
  required_providers {
    openstack = { source = "terraform-provider-openstack/openstack" }
  }
}

variable "servers" { type = number }

provider "openstack" {}

resource "openstack_compute_instance_v2" "server" {
  count           = var.servers
  name            = "meas-terraform-${count.index + 1}"
  image_name      = "docker-base"
  flavor_name     = "standard.xsmall"
  key_pair        = "key-for-internal"
  security_groups = ["sg-all-from-console", "sg-all-from-app-net"]
  metadata        = { rollout_app = "measure", rollout_owner = "meas", rollout_index = tostring(count.index + 1) }

  network { name = "app-net" }
  network { name = "dbs-net" }
}
