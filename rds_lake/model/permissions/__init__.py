"""AWS's permissions: policy documents, and whether they allow a request. The local cloud, the doctor and the tests share them.

What belongs here: reading policies and grants, and deciding as AWS documents it. Which action and which resource a call of
an API needs is not decided here, nor whether AWS has an action of that name.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""
