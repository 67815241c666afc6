"""CloudFormation: templates deployed as stacks over the other services of the local cloud."""
