#!/bin/sh
# Containers follow over SSH as soon as this is done.
if [ -d /run/systemd/system ]; then
    systemctl enable --now docker
else
    service docker start
fi
