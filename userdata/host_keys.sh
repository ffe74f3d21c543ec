#!/bin/sh
# The console is where rollout learns a VM's host keys from; images differ in
# whether cloud-init prints them there by itself.
echo '-----BEGIN SSH HOST KEY KEYS-----'
cat /etc/ssh/ssh_host_*_key.pub
echo '-----END SSH HOST KEY KEYS-----'
