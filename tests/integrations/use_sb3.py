import torch
import wandb
from stable_baselines3 import PPO
from wandb.integration.sb3 import WandbCallback

torch.set_num_threads(1)
with wandb.init(project="sb3", config={"policy_type": "MlpPolicy"}, sync_tensorboard=True):
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=64, n_epochs=1, seed=0, device="cpu")
    model.learn(192, log_interval=1, callback=WandbCallback(model_save_path="models"))
