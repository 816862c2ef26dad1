# step: signs belong to the key
events where raw.detail-type = 'ECS Task State Change'
