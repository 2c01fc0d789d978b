#!/bin/bash
# Deletes the cluster. Images and compiled programs stay, so that the next one is there in two minutes.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_step cluster-down kind delete cluster --name "$cluster" --kubeconfig "$KUBECONFIG"
