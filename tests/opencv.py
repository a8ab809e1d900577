"""Runs a net and its weights, both written by Cortado, in OpenCV: opencv.py NET WEIGHTS INPUT.npy OUTPUT.npy."""
import sys
import cv2
import numpy as np

prototxt, weights, x, y = sys.argv[1:]
net = cv2.dnn.readNetFromCaffe(prototxt, weights)
net.setInput(np.load(x))
ours, theirs = np.load(y), net.forward()
assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
assert np.abs(ours).max() > 1e-3 and np.ptp(ours) > 0
assert np.allclose(theirs, ours, rtol=1e-4, atol=1e-4), np.abs(theirs - ours).max()
