#!/bin/sh
# deploy_stacks.sh STACK...: deploys stacks of $ENVIRONMENT with the images of $TAG, these and no others, in this order.
set -eu
cd "$(dirname "$0")"
for stack in "$@"; do
  npx cdk deploy "ledgerlink-$ENVIRONMENT-$stack" --exclusively --require-approval never --ci \
    --context environment="$ENVIRONMENT" --context image_tag="$TAG" --output cdk.out/deployed
done
