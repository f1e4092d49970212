"""What is fitted to the references' masks: trees and a Gaussian process."""
