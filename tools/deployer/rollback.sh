#!/usr/bin/env bash
# Deploys a function's previous version again, through CloudFormation (so that the stack's state stays right) and for all
# traffic at once. If a deployment is in progress, cancels it instead, which rolls it back.
#
#   tools/deployer/rollback.sh cantila-billing-prod summary
set -euo pipefail

stack=${1:?the name of the stack}
function=${2:?the name of the function, such as summary}
name="$stack-$function"

status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text)
if [ "$status" = UPDATE_IN_PROGRESS ]; then
    echo "canceling the deployment in progress; CloudFormation rolls it back"
    aws cloudformation cancel-update-stack --stack-name "$stack"
    exec aws cloudformation wait stack-rollback-complete --stack-name "$stack"
fi

current=$(aws lambda get-alias --function-name "$name" --name live --query FunctionVersion --output text)
previous=$(aws lambda list-versions-by-function --function-name "$name" --query 'Versions[].Version' --output text |
    tr '\t' '\n' | grep -v LATEST | sort -n | awk -v current="$current" '$1 < current' | tail -n 1)
: "${previous:?$name has no version before $current}"
echo "deploying the code of version $previous of $name in place of version $current"

package=$(mktemp)
trap 'rm -f "$package"' EXIT
url=$(aws lambda get-function --function-name "$name" --qualifier "$previous" --query Code.Location --output text)
# The URL is signed and valid for some minutes. It is not passed as an argument, because other users can see those.
curl --silent --show-error --fail --output "$package" --config - <<< "url = \"$url\""

# AT_ONCE ignores the alarms: the code that is being replaced may have set them off.
PACKAGE=$package AT_ONCE=1 "$(dirname "$0")/deploy.sh" "$stack" "$function"
