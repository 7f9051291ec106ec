"""Parts of the recipe `salmon`, in the order in which a record meets them.

draws         which principles are asked, and which of them turned round
judging       two replies to a prompt, and what programs and a judge make of them
preferences   one label out of several judgements
reward_model  how a reply is shown to the reward model, and what it has learnt
steering      a policy that is trained on its rewards
apprentices   what the packaged model is taught first
telling       what the report shows
"""
