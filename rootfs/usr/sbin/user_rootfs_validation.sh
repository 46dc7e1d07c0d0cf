#!/bin/sh
# Called by NVIDIA's boot flow (l4t-rootfs-validation-config.sh) after a boot from a new root file system slot: exit code 0
# confirms the slot; any other one makes the boot loader try again, and go back to the other slot when the tries are used up.
#
# The slot is good when Nightjar says that it is ready within the time: both processes run and a camera delivers. A device
# whose cameras are all off would go back for no fault of the slot: with NIGHTJAR_VALIDATE=live it is enough that Nightjar
# answers. Settings may stand in /etc/default/nightjar-validation.
#
# usage: user_rootfs_validation.sh
set -u

[ -r /etc/default/nightjar-validation ] && . /etc/default/nightjar-validation
socket=${NIGHTJAR_SOCKET:-/run/nightjar/control.sock}
limit=${NIGHTJAR_VALIDATE_SECONDS:-90}
case ${NIGHTJAR_VALIDATE:-ready} in
  ready) path=readyz ;;
  live) path=livez ;;
  *)
    echo "nightjar-validation: NIGHTJAR_VALIDATE is '$NIGHTJAR_VALIDATE', expected ready or live" >&2
    exit 2
    ;;
esac

if ! command -v curl >/dev/null 2>&1; then
  # Going back to the other slot would not bring curl.
  echo "nightjar-validation: curl is missing, so the slot cannot be judged; it is confirmed" >&2
  exit 0
fi

answer="nobody answers on $socket"
end=$(($(date +%s) + limit))
while [ "$(date +%s)" -lt "$end" ]; do
  if found=$(curl --silent --max-time 5 --unix-socket "$socket" --write-out ' %{http_code}' "http://nightjar/$path" 2>/dev/null); then
    case $found in
      *' 200')
        echo "nightjar-validation: Nightjar is ${NIGHTJAR_VALIDATE:-ready}: the slot is good"
        exit 0
        ;;
    esac
    answer=$found
  fi
  sleep 1
done
echo "nightjar-validation: not within $limit s: $answer" >&2
exit 1
