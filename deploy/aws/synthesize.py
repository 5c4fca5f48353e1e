"""`python -m deploy.aws.synthesize ENVIRONMENT`: as `cdk synth`, with no npm, network or account."""

import sys

from aws_cdk import App

from deploy.aws.app import build, settings_of_cdk
from deploy.aws.environments import CDK_JSON

if __name__ == "__main__":
    name = sys.argv[1]
    app = App(context=settings_of_cdk(name), outdir=str(CDK_JSON.parent / "cdk.out" / name))
    build(app)
    app.synth()
    sys.stdout.write(f"{name}: synthesized\n")
