"""What a machine of the broker does as it starts: take over its node's disk from the one before, and mount it."""

from aws_cdk import aws_ec2 as ec2

MOUNTED = "/var/lib/nats"
NATS_USER = 1000
# The machine before may still be going away: asked for again each second, for ten minutes; then the machine gives up,
# stays without a task, and an alarm says that a node is away.
_SCRIPT = """set -euo pipefail
dnf install --assumeyes --quiet awscli-2 xfsprogs
token=$(curl --silent --fail --request PUT http://169.254.169.254/latest/api/token \\
  --header 'X-aws-ec2-metadata-token-ttl-seconds: 300')
ask() {{
  curl --silent --fail --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}}
instance=$(ask instance-id)
region=$(ask placement/region)
volume={volume}
device="/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${{volume/-/}}"
for attempt in $(seq 600); do
  [ -e "$device" ] && break
  aws ec2 attach-volume --region "$region" --volume-id "$volume" --instance-id "$instance" --device /dev/sdf || true
  sleep 1
done
[ -e "$device" ]
blkid "$device" || mkfs.xfs "$device"
mkdir --parents {mounted}
mount --options noatime "$device" {mounted}
chown {user}:{user} {mounted}
echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config
"""


def take_over(disk: ec2.Volume) -> ec2.UserData:
    """Return the script; ECS's own lines follow it, so that no task starts on a machine without its disk."""
    data = ec2.UserData.for_linux()
    data.add_commands(_SCRIPT.format(volume=disk.volume_id, mounted=MOUNTED, user=NATS_USER))
    return data
